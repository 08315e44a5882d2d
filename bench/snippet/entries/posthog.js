import posthog from "posthog-js/dist/module.full.no-external";

posthog.init("phc_bench", {
  api_host: `${SINK}/posthog`,
  disable_session_recording: false,
  session_recording: { maskAllInputs: true },
  persistence: "memory",
});
