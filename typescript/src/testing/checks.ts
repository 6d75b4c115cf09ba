// Actions as a server reads them: nulls of optional members gone, unknown members left alone,
// bounds kept (REQ-SRV-06).
import { ACTION_NAMES, type ActionName } from '../wire/actions';
import { faultOf, isObject } from '../wire/repair';
import { ACTION_SHAPES, type Check, OTHER_SHAPES, type Shapes } from '../wire/shapes';
import type { Frame } from './frames';

/** An action was refused: one `error` answers it, and the link stays. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** A checked action. */
export type Action = { readonly action: ActionName; readonly requestId?: string } & Frame;

const isAction = (word: string): word is ActionName =>
  (ACTION_NAMES as readonly string[]).includes(word);

/**
 * Returns the action of a frame.
 *
 * @throws {Refusal} VALIDATION_ERROR naming the member, or UNSUPPORTED_ACTION.
 */
export function checkedAction(frame: Frame): Action {
  const { action } = frame;
  if (typeof action !== 'string') {
    throw new Refusal('VALIDATION_ERROR', '/action must be a string');
  }
  if (!isAction(action)) {
    throw new Refusal('UNSUPPORTED_ACTION', 'this server does not know the action');
  }
  const struct = action.replace(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
  const { action: _, ...rest } = frame;
  const made = lenient(action, opened(rest, struct, ACTION_SHAPES) as Frame);
  if (typeof made.requestId !== 'string') delete made.requestId;
  const fault = faultOf(made, struct, ACTION_SHAPES, false) ?? emptyTurn(action, made, frame);
  if (fault) {
    const what = fault.kind === 'missing' ? 'is missing' : 'is not allowed';
    throw new Refusal('VALIDATION_ERROR', `${fault.pointer} ${what}`);
  }
  return { ...frame, ...made, ...original(action, frame), action } as Action;
}

/** What this server takes beyond the bounds of the schema (REQ-SRV-22, REQ-SRV-23). */
function lenient(action: ActionName, made: Frame): Frame {
  if (action === 'list_conversations' && typeof made.limit === 'number' && made.limit > 200) {
    return { ...made, limit: 200 };
  }
  if (action === 'send_message' && made.message === '') return { ...made, message: ' ' };
  return made;
}

function original(action: ActionName, frame: Frame): Frame {
  return action === 'send_message' ? { message: frame.message } : {};
}

function emptyTurn(action: ActionName, made: Frame, frame: Frame) {
  if (action !== 'send_message' || frame.message !== '') return undefined;
  const parts = [made.images, made.files].flat().filter((part) => part !== undefined);
  return parts.length > 0 ? undefined : { kind: 'type' as const, pointer: '/message' };
}

/** Drops null where the tables name a member that may be absent. */
function opened(value: unknown, struct: string, shapes: Shapes): unknown {
  if (!isObject(value)) return value;
  const made: Frame = { ...value };
  for (const [name, required, nullable, check] of shapes[struct] ?? []) {
    if (!Object.hasOwn(made, name)) continue;
    if (made[name] === null && !required && !nullable) delete made[name];
    else made[name] = inside(made[name], check, shapes);
  }
  return made;
}

function inside(value: unknown, check: Check, shapes: Shapes): unknown {
  if (typeof check === 'string') return value;
  if (check[0] === 'struct') return opened(value, check[1], shapes);
  if (check[0] !== 'array' || !Array.isArray(value)) return value;
  return value.map((item) => inside(item, check[1], shapes));
}

/** Returns where a value breaks the shape of an interaction, or undefined. */
export function faultOfForm(value: unknown, struct: string): string | undefined {
  const fault = faultOf(value, struct, OTHER_SHAPES, true);
  if (!fault) return undefined;
  return `${fault.pointer} ${fault.kind === 'missing' ? 'is missing' : 'is not allowed'}`;
}
