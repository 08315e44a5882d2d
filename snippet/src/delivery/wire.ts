// Wire format 1 (docs/wire-format.md): the frame around a head and a chunk. The counterpart of
// core/wire.py; a test holds the two equal.

export const FRAME_BYTES = 12;
const GZIP_FROM = 300; // shorter texts hardly shrink

export interface Part {
  bytes: Uint8Array;
  gzip: boolean;
}

export function plain(text: string): Part {
  return { bytes: new TextEncoder().encode(text), gzip: false };
}

/** Compress *text* off the critical path; plain where the browser cannot or it would not help. */
export async function compress(text: string): Promise<Part> {
  const part = plain(text);
  if (part.bytes.length < GZIP_FROM || typeof CompressionStream === "undefined") return part;
  const stream = new Blob([part.bytes as BlobPart])
    .stream()
    .pipeThrough(new CompressionStream("gzip"));
  return { bytes: new Uint8Array(await new Response(stream).arrayBuffer()), gzip: true };
}

/** Frame a batch. `sent_t` is 0 until stamp() sets it. */
export function pack(head: Part, chunk: Part): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(FRAME_BYTES + head.bytes.length + chunk.bytes.length);
  body.set([1, head.gzip ? 1 : 0, chunk.gzip ? 1 : 0, 0]);
  new DataView(body.buffer).setUint32(8, head.bytes.length);
  body.set(head.bytes, FRAME_BYTES);
  body.set(chunk.bytes, FRAME_BYTES + head.bytes.length);
  return body;
}

/** Write the monotonic clock at sending into a packed batch: the only bytes that may change. */
export function stamp(body: Uint8Array, sent_t: number): void {
  new DataView(body.buffer, body.byteOffset).setUint32(4, Math.max(0, Math.round(sent_t)));
}
