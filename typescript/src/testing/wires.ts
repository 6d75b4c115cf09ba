import type { Frame } from './frames';

/** What carries the frames of one link: memory, or a socket. */
export interface Wire {
  send(text: string): void;
  /** Ends the link; 1006 drops it without a close frame. */
  end(code: number): void;
}

/** A link of a client, as the server has it. */
export class Link {
  isOpen = true;

  constructor(
    /** Counts from 1; a newer link has a greater number. */
    readonly number: number,
    private readonly wire: Wire,
    /** Told when this side ends the link. */
    private readonly ended: () => void,
  ) {}

  send(frame: Frame): void {
    this.text(JSON.stringify(frame));
  }

  /** Sends a text as it is. */
  text(text: string): void {
    if (this.isOpen) this.wire.send(text);
  }

  end(code: number): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.wire.end(code);
    this.ended();
  }
}

/** Close codes that a peer may end a link with; 1006 is a link without a close frame. */
export function isCloseCode(code: number): boolean {
  if (!Number.isInteger(code)) return false;
  if (code === 1006) return true;
  const isListed = code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005;
  return isListed || (code >= 3000 && code <= 4999);
}
