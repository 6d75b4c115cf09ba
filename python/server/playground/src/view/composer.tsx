import type { RefObject } from 'preact';
import { useState } from 'preact/hooks';
import type { Playground } from '../model/playground';
import { useCell } from './use';

interface Props {
  readonly playground: Playground;
  readonly input: RefObject<HTMLTextAreaElement | null>;
  readonly onSay: (text: string) => void;
}

/** The longest message that the protocol takes. */
const MAX_CHARS = 10_000;

/** Where one writes. */
export function Composer({ playground, input, onSay }: Props) {
  const isReady = useCell(playground.isReady);
  const isRunning = useCell(playground.isRunning);
  const [text, setText] = useState('');
  const canSay = isReady && !isRunning && text.trim() !== '';
  const say = (): void => {
    if (!canSay) return;
    onSay(text.trim());
    setText('');
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && isRunning) playground.cancel();
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    say();
  };
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    say();
  };
  return (
    <form class="composer" onSubmit={onSubmit}>
      <label class="unseen" for="composer">
        Message
      </label>
      <textarea
        ref={input}
        id="composer"
        rows={1}
        maxLength={MAX_CHARS}
        placeholder={isRunning ? 'Esc stops the answer' : 'Say something'}
        value={text}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {isRunning ? (
        <button type="button" class="second" onClick={() => playground.cancel()}>
          Stop
        </button>
      ) : (
        <button type="submit" class="first" disabled={!canSay}>
          Send
        </button>
      )}
    </form>
  );
}
