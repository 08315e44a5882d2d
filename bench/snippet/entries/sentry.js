import { init, replayIntegration } from "@sentry/browser";

const { host } = new URL(SINK);
init({
  dsn: `http://bench@${host}/sentry/1`,
  integrations: [replayIntegration()],
  replaysSessionSampleRate: 1,
  replaysOnErrorSampleRate: 1,
});
