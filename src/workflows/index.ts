export { build_index } from './build_index.js';
export { create_sample } from './create_sample.js';
export { create_subtraction } from './create_subtraction.js';
export { housekeeping } from './housekeeping.js';
export { pathoscope_bowtie } from './pathoscope_bowtie.js';
