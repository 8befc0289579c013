/** The binary of share_out.wat, which the build makes. */
declare module '#share-out' {
  const binary: Uint8Array<ArrayBuffer>;
  export default binary;
}

// What is used of it; the types of Node leave it to those of browsers.
declare namespace WebAssembly {
  class Module {
    constructor(binary: Uint8Array<ArrayBuffer>);
  }
  class Memory {
    constructor(pages: { initial: number });
    readonly buffer: ArrayBuffer;
    /** Pages to add. */
    grow(pages: number): number;
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, Memory>>);
    readonly exports: Record<string, unknown>;
  }
}
