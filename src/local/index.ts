export { LocalError } from './errors.js';
