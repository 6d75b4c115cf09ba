export { fastPaths } from '../options-fast-paths';
export { EVENT_FACTS } from '../wire/facts';
export { VirtualClock } from './virtual-clock';
