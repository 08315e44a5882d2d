// Owns the time zone of what a caller tells: a page has it from the browser alone.

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const field = document.getElementById("zone");

/** @param {URL} address of this page, asked by a field that did not tell the zone */
function told(address) {
  address.searchParams.set("tz", zone);
  return address.href;
}

if (zone && field instanceof HTMLInputElement) {
  field.value = zone;
  const here = new URL(location.href);
  if (here.searchParams.get("q") && here.searchParams.get("tz") !== zone)
    location.replace(told(here));
  for (const link of document.querySelectorAll(".samples a")) {
    if (link instanceof HTMLAnchorElement) link.href = told(new URL(link.href));
  }
}
