/** The binary of kernel.wat, which the build makes. */
declare module '#read-kernel' {
  const binary: Uint8Array<ArrayBuffer>;
  export default binary;
}
