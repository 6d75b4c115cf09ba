import type { RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

/** This near to the end, in pixels, counts as at the end. */
const NEAR_PX = 24;

export interface Following {
  /** Whether the end is in sight, and stays there. */
  readonly isAtEnd: boolean;
  readonly onScroll: () => void;
  readonly toEnd: () => void;
}

/**
 * Keeps the end of a scrolled element in sight as its only child grows, unless somebody has scrolled
 * away.
 */
export function useFollowing(scrolled: RefObject<HTMLElement | null>): Following {
  const [isAtEnd, setAtEnd] = useState(true);
  const follows = useRef(true);
  const toEnd = (): void => {
    follows.current = true;
    scrolled.current?.scrollTo({ top: scrolled.current.scrollHeight });
    setAtEnd(true);
  };
  useLayoutEffect(() => {
    const { current: element } = scrolled;
    if (!element?.firstElementChild) return undefined;
    const observer = new ResizeObserver(() => {
      if (follows.current) element.scrollTo({ top: element.scrollHeight });
    });
    observer.observe(element.firstElementChild);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const onScroll = (): void => {
    const { scrollTop = 0, scrollHeight = 0, clientHeight = 0 } = scrolled.current ?? {};
    follows.current = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    setAtEnd(follows.current);
  };
  return { isAtEnd, onScroll, toEnd };
}
