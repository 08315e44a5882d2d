import { init, replayIntegration } from "@sentry/browser";

init({
  dsn: `${SINK.replace("//", "//bench@")}/sentry/1`,
  integrations: [replayIntegration()],
  replaysSessionSampleRate: 1,
  replaysOnErrorSampleRate: 1,
});
