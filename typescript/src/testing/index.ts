export { EVENT_FACTS } from '../wire/facts';
export { CassetteError } from './cassette';
export type { FormKind, FormSpecs } from './forms';
export { record } from './recording';
export type { Matcher } from './replies';
export {
  type ChunkFacts,
  type ConfirmFacts,
  type FinishFacts,
  type OtpFacts,
  Reply,
  ScriptError,
} from './reply';
export {
  type FakeClientOptions,
  FakeServer,
  type FakeServerOptions,
  type RefuseOptions,
  type StoredConversation,
} from './server';
export { VirtualClock } from './virtual-clock';
