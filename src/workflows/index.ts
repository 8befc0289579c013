export { build_index } from './build_index.js';
export { clone_reference } from './clone_reference.js';
export { create_sample } from './create_sample.js';
export { create_subtraction } from './create_subtraction.js';
export { delete_reference } from './delete_reference.js';
export { housekeeping } from './housekeeping.js';
export { import_reference } from './import_reference.js';
export { pathoscope_bowtie } from './pathoscope_bowtie.js';
