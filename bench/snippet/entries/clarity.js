import { clarity } from "clarity-js";

clarity.start({ projectId: "bench", upload: `${SINK}/clarity`, track: true, content: true });
