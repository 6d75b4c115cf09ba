import { render } from 'preact';
import { type Config, readConfig } from './model/config';
import { Playground } from './model/playground';
import { App } from './view/app';
import './style/base.css';
import './style/layout.css';
import './style/controls.css';
import './style/chat.css';
import './style/turn.css';
import './style/wire.css';

/** Any id will do for a server that names no agents. */
const ANY_AGENT = 'demo';

function show(config: Config, root: HTMLElement): void {
  const agentId = config.agents[0]?.id ?? ANY_AGENT;
  const playground = new Playground({ agentId, token: '', person: config.person });
  render(<App playground={playground} config={config} />, root);
  if (!config.needsToken) void playground.start();
}

async function main(): Promise<void> {
  const root = document.getElementById('app');
  if (!root) return;
  try {
    show(await readConfig(), root);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'no answer';
    render(
      <p class="nothing">The server does not say what it is ({why}). Load this page again.</p>,
      root,
    );
  }
}

void main();
