export { fastPaths } from '../options';
export { VirtualClock } from './virtual-clock';
