// A page's own rrweb, with rrweb's defaults. The test takes the events by a binding.
import { record } from "@rrweb/record";

record({ emit: (event) => window.keepEvent(JSON.stringify(event)) });
