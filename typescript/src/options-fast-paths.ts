/**
 * Shorter ways that a frame of a running turn takes. Nobody can see whether they are taken; tests
 * turn them off and expect the same.
 */
export const fastPaths = {
  /** A frame that is equal to one before it but for its values is not parsed. */
  learned: true,
  /** An event that is an item and nothing else moves no machine. */
  quiet: true,
};
