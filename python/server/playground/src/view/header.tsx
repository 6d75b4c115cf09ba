import { useEffect, useState } from 'preact/hooks';
import type { Config } from '../model/config';
import type { LinkView, Playground } from '../model/playground';
import { announce } from './live';
import { useCell } from './use';

const THEME = 'smooth-operator.theme';
const THEMES = ['system', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];

interface Props {
  readonly playground: Playground;
  readonly config: Config;
}

/** What this is, how the link stands, and the colours. */
export function Header({ playground, config }: Props) {
  return (
    <header class="top">
      <h1>
        <Mark />
        smooth-operator <span>playground</span>
      </h1>
      <span class="mono faint version">{config.version}</span>
      <LinkControl playground={playground} />
      <ThemeChoice />
    </header>
  );
}

function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">
      <path d="M4 16c4-8 8-8 12 0s8 8 12 0" />
    </svg>
  );
}

/** The link in words, with what cuts it and what lets it be again. */
function LinkControl({ playground }: { readonly playground: Playground }) {
  const link = useCell(playground.link);
  const isCut = useCell(playground.cable.isCut);
  const text = textOf(link, isCut);
  useEffect(() => announce(text), [text]);
  return (
    <div class="link-control">
      <span class={`link-state ${link.state}`}>{text}</span>
      {isCut || link.state === 'reconnecting' || link.state === 'closed' ? (
        <button type="button" class="first" onClick={() => playground.resume()}>
          {isCut ? 'Resume' : 'Try now'}
        </button>
      ) : (
        <button
          type="button"
          class="second"
          disabled={link.state !== 'open'}
          onClick={() => playground.cut()}
        >
          Cut the link
        </button>
      )}
    </div>
  );
}

function textOf({ state, attempt }: LinkView, isCut: boolean): string {
  if (isCut) return 'Link cut';
  switch (state) {
    case 'open':
      return 'Link open';
    case 'reconnecting':
      return attempt === undefined ? 'Link lost' : `Link lost, attempt ${attempt}`;
    case 'connecting':
      return attempt === undefined ? 'Opening the link' : `No server, attempt ${attempt}`;
    case 'closed':
      return 'Link closed';
    default:
      return 'No link';
  }
}

function ThemeChoice() {
  const [theme, setTheme] = useState<Theme>(kept);
  const choose = (chosen: Theme): void => {
    setTheme(chosen);
    const { dataset } = document.documentElement;
    if (chosen === 'system') delete dataset.theme;
    else dataset.theme = chosen;
    try {
      localStorage.setItem(THEME, chosen);
    } catch {
      // A browser that keeps nothing forgets it with the page.
    }
  };
  return (
    <select
      class="theme"
      aria-label="Colours"
      value={theme}
      onChange={({ currentTarget }) => choose(currentTarget.value as Theme)}
    >
      {THEMES.map((one) => (
        <option key={one} value={one}>
          {one[0]?.toUpperCase()}
          {one.slice(1)}
        </option>
      ))}
    </select>
  );
}

function kept(): Theme {
  const { theme } = document.documentElement.dataset;
  return THEMES.find((one) => one === theme) ?? 'system';
}
