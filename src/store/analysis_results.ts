import { BSON } from 'mongodb';

/** The results of an analysis as its document holds them: an iteration that decodes one at each turn, or what there is instead. */
export type StoredResults = Iterable<unknown> | 'file' | undefined;

// Types of elements, see bsonspec.org.
const TEXT = 2;
const DOCUMENT = 3;
const LIST = 4;

/**
 * The field `results` of an undecoded document. Decoding up to 16 MB in one go would hold up every other request.
 *
 * @throws TypeError when an item of the list is not a document.
 */
export function storedResults(document: Uint8Array): StoredResults {
  for (const [type, nameOffset, nameLength, offset, length] of BSON.onDemand.parseToElements(document)) {
    if (Buffer.from(document.subarray(nameOffset, nameOffset + nameLength)).toString() !== 'results') continue;
    if (type === LIST) return decodeItems(document.subarray(offset, offset + length));
    if (type === TEXT) return 'file';
  }
  return undefined;
}

function* decodeItems(list: Uint8Array): Generator<unknown> {
  for (const [type, , , offset, length] of BSON.onDemand.parseToElements(list)) {
    if (type !== DOCUMENT) throw new TypeError(`A result is not a document but of BSON type ${type}`);
    yield BSON.deserialize(list.subarray(offset, offset + length));
  }
}
