export { type ToolCall, type ToolResult, toolCallOf, toolResultOf } from './accumulator';
export {
  type CallParams,
  type ClientCounters,
  type HandlerOptions,
  type Pong,
  type ResumeParams,
  SmoothAgentClient,
  type Topics,
} from './client';
export type { Clock, Timer } from './clock';
export type { StateChange } from './connection-state';
export type { Conversation, SendOptions } from './conversation';
export {
  AlreadyAnsweredError,
  AuthenticationError,
  ClientClosedError,
  ConflictError,
  ConnectFailedError,
  ConnectionError,
  ConnectionLostError,
  type ErrorFacts,
  HandlerError,
  InvalidFrameError,
  MessageTooLargeError,
  NoPendingQuestionError,
  NotConnectedError,
  NotFoundError,
  PermissionDeniedError,
  ProtocolError,
  QueueFullError,
  RateLimitedError,
  ReconnectExhaustedError,
  RequestTimeoutError,
  ServerFaultError,
  SessionNotFoundError,
  SlowConsumerError,
  SmoothAgentError,
  TimeoutError,
  TurnInProgressError,
  TurnInterruptedError,
  TurnTimeoutError,
  UnexpectedEventError,
  UnsupportedError,
  ValidationError,
  WireError,
} from './errors';
export type { FrameInfo } from './listeners';
export type {
  Ask,
  ConfirmAsk,
  ConfirmHandler,
  Handlers,
  HandlerSignal,
  InteractionAsk,
  InteractionHandler,
  OtpAsk,
  OtpHandler,
} from './handlers';
export type { Recovery } from './history-recovery';
export type { ClientOptions, Logger, TokenProvider, TokenReason, TokenRequest } from './options';
export type { ConfirmResult, OtpCheck, Question, SubmitResult } from './questions';
export type { AbortSignalLike, Answer } from './requests-answer';
export type { Turn, WaitOptions } from './turn';
export type { TurnResult } from './turn-result';
export type { Observer } from './observer';
export type { LinkEnd, Opener, Receiver, SocketRequest, Transport } from './opener';
export type { LinkCounters } from './supervisor';
export { platformOpener } from './transport';
export type { TextStream, TurnEvents } from './turn-events';
export type { TurnItem } from './turn-items';
export * from './wire/actions';
export { decodeEvent, encodeEvent, unknownOf } from './wire/codec';
export * from './wire/enums';
export type { ErrorKind } from './wire/errors';
export type * from './wire/events';
export * from './wire/json';
export type { ConnectionState, QuestionKind, TurnState } from './wire/steps';
export type { CallName, CallOf, ReplyOf, Results } from './wire/results';
export type * from './wire/types';
