/** The faults that simple rules find in source files, each as `path:line: message`. */
export function checkSources(files: readonly { path: string; text: string }[]): string[];
