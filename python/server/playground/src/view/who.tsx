import { useRef, useState } from 'preact/hooks';
import type { Config } from '../model/config';
import type { Playground } from '../model/playground';

interface Props {
  readonly playground: Playground;
  readonly config: Config;
}

/** Whom one talks to, and by which token: a button and the dialog that it opens. */
export function WhoButton({ playground, config }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  return (
    <>
      <button type="button" class="quiet" onClick={() => dialog.current?.showModal()}>
        Settings
      </button>
      <dialog ref={dialog} aria-labelledby="who-heading">
        <WhoForm playground={playground} config={config} onDone={() => dialog.current?.close()} />
      </dialog>
    </>
  );
}

function WhoForm({ playground, config, onDone }: Props & { readonly onDone: () => void }) {
  const [who, setWho] = useState(playground.who);
  const onSubmit = (event: Event): void => {
    event.preventDefault();
    onDone();
    void playground.begin(who);
  };
  return (
    <form class="fields" onSubmit={onSubmit}>
      <h3 id="who-heading">Whom to talk to</h3>
      <div class="field">
        <label for="agent">Agent</label>
        <input
          id="agent"
          list="agents"
          required
          value={who.agentId}
          onInput={({ currentTarget: { value: agentId } }) => setWho({ ...who, agentId })}
        />
        <datalist id="agents">
          {config.agents.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </datalist>
      </div>
      <div class="field">
        <label for="token">
          Token{' '}
          <span class="faint">{config.needsToken ? '(needed here)' : '(not needed here)'}</span>
        </label>
        <input
          id="token"
          type="password"
          autoComplete="off"
          value={who.token}
          onInput={({ currentTarget: { value: token } }) => setWho({ ...who, token })}
        />
        <p class="faint">It is kept nowhere, and no frame shows it.</p>
      </div>
      <div class="answers">
        <button type="submit" class="first">
          Begin a new conversation
        </button>
        <button type="button" class="second" onClick={onDone}>
          Close
        </button>
      </div>
    </form>
  );
}
