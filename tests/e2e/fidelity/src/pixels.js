// Compares two screenshots in the browser, which has the decoder.

/** Differences of a channel up to this are no difference: how edges are smoothed varies by layer. */
const TOLERANCE = 24;

async function picture(base64) {
  const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const pen = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  pen.drawImage(bitmap, 0, 0);
  return pen.getImageData(0, 0, bitmap.width, bitmap.height);
}

/** Return the part of the pixels, 0 to 1, in which two pictures (PNG, base64) differ. */
window.pixelDifference = async (one, other) => {
  const [a, b] = [await picture(one), await picture(other)];
  if (a.width !== b.width || a.height !== b.height) return 1;
  let different = 0;
  for (let at = 0; at < a.data.length; at += 4) {
    for (let channel = 0; channel < 3; channel++) {
      if (Math.abs(a.data[at + channel] - b.data[at + channel]) > TOLERANCE) {
        different++;
        break;
      }
    }
  }
  return different / (a.width * a.height);
};
