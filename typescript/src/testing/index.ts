export { EVENT_FACTS } from '../wire/facts';
export type { FormKind, FormSpecs } from './forms';
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
} from './server';
export { VirtualClock } from './virtual-clock';
