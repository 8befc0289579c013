// RFC 7230, section 3.2.6: what needs no quotes.
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** `Content-Disposition` of a file to be saved: the plain form where the name allows it, else those of RFC 6266. */
export function attachment(fileName: string): string {
  if (TOKEN.test(fileName)) return `attachment; filename=${fileName}`;
  const plain = fileName.replace(/[^ -~]|["\\%]/gu, '_');
  const encoded = encodeURIComponent(fileName).replace(/['()*]/g, (character) => `%${hex(character)}`);
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}

function hex(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase();
}
