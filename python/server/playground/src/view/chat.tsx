import { useEffect, useRef } from 'preact/hooks';
import type { Config } from '../model/config';
import type { Talk } from '../model/exchange';
import type { Playground } from '../model/playground';
import { Composer } from './composer';
import { useFollowing } from './scroll';
import { TalkView } from './talk';
import { useCell } from './use';
import { WhoButton } from './who';

interface Props {
  readonly playground: Playground;
  readonly config: Config;
}

/** The conversation. */
export function Chat({ playground, config }: Props) {
  const talks = useCell(playground.talks);
  const agentName = useCell(playground.agentName);
  const input = useRef<HTMLTextAreaElement>(null);
  const focus = (): void => input.current?.focus({ preventScroll: true });
  const say = (text: string): void => {
    playground.say(text);
    focus();
  };
  return (
    <section class="chat" aria-labelledby="chat-heading">
      <header class="panel-head">
        <h2 id="chat-heading">{agentName ?? 'Chat'}</h2>
        <div class="actions">
          <WhoButton playground={playground} config={config} />
          <button type="button" class="quiet" onClick={() => playground.begin()}>
            New conversation
          </button>
        </div>
      </header>
      {talks.length === 0 ? (
        <Empty playground={playground} config={config} onSay={say} />
      ) : (
        <Talks talks={talks} onSay={say} onAnswered={focus} onBegin={() => playground.begin()} />
      )}
      <Away playground={playground} config={config} />
      <Composer playground={playground} input={input} onSay={say} />
    </section>
  );
}

/** Says that there is no server, as long as nobody has cut the link on purpose. */
function Away({ playground, config }: Props) {
  const { state, attempt } = useCell(playground.link);
  const isCut = useCell(playground.cable.isCut);
  const isSought = state === 'connecting' || state === 'reconnecting';
  if (isCut || !isSought || attempt === undefined) return null;
  const why = config.needsToken ? 'Does it take your token, and is it running?' : 'Is it running?';
  return (
    <p class="away">
      The server does not answer. {why} It is tried again by itself; what you say waits for it.
    </p>
  );
}

interface TalksProps {
  readonly talks: readonly Talk[];
  readonly onSay: (text: string) => void;
  readonly onAnswered: () => void;
  readonly onBegin: () => void;
}

function Talks({ talks, ...does }: TalksProps) {
  const list = useRef<HTMLDivElement>(null);
  const last = talks.at(-1);
  const { isAtEnd, onScroll, toEnd } = useFollowing(list);
  useEffect(toEnd, [last]);
  return (
    <div class="talks">
      <div
        ref={list}
        class="scroll"
        tabIndex={0}
        role="group"
        aria-label="Messages"
        onScroll={onScroll}
      >
        <ol>
          {talks.map((talk) => (
            <TalkView key={talk.id} talk={talk} isLast={talk === last} {...does} />
          ))}
        </ol>
      </div>
      {isAtEnd ? null : (
        <button type="button" class="newest" onClick={toEnd}>
          Newest <span aria-hidden="true">↓</span>
        </button>
      )}
    </div>
  );
}

interface EmptyProps {
  readonly playground: Playground;
  readonly config: Config;
  readonly onSay: (text: string) => void;
}

function Empty({ playground, config, onSay }: EmptyProps) {
  const isReady = useCell(playground.isReady);
  const problem = useCell(playground.problem);
  return (
    <div class="empty scroll">
      <h3>Ask something, and watch the wire</h3>
      <p>
        Every frame of the conversation shows beside the chat, and the turn lights up as it moves.
        Cut the link in the middle of an answer to see it go on.
      </p>
      {problem ? (
        <div class="failure" role="alert">
          <p>{problem.text}</p>
          <div class="answers">
            <button type="button" class="second" onClick={() => playground.begin()}>
              Try again
            </button>
          </div>
        </div>
      ) : null}
      {config.needsToken && playground.who.token === '' ? (
        <p>This server asks who you are: give it a token in the settings.</p>
      ) : null}
      <ul class="examples">
        {config.examples.map(({ message, shows }) => (
          <li key={message}>
            <button type="button" disabled={!isReady} onClick={() => onSay(message)}>
              <span>{message}</span>
              <span class="shows">{shows}</span>
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
