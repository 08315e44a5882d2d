import Tracker from "@openreplay/tracker";

const tracker = new Tracker({
  projectKey: "bench",
  ingestPoint: `${SINK}/openreplay`,
  __DISABLE_SECURE_MODE: true,
});
tracker.start();
