import "posthog-js/dist/posthog-recorder";
import posthog from "posthog-js/dist/module.full.no-external";

posthog.init("phc_bench", {
  api_host: `${SINK}/posthog`,
  disable_session_recording: false,
  session_recording: { maskAllInputs: true },
  persistence: "memory",
  opt_out_useragent_filter: true, // it would take the bench for a bot
});
