// Tom Select: a combobox that works, one that asks while typing, one that asks on focus.
import TomSelect from "tom-select";
import "tom-select/dist/css/tom-select.default.css";

const cities = ["Aachen", "Berlin", "Bremen", "Dresden", "Essen", "Frankfurt", "Hamburg", "Mainz"];
const options = cities.map((name) => ({ value: name, text: name }));

new TomSelect("#city", { options, maxOptions: 20 });

const failing = (_query, done) => {
  fetch("/fail")
    .then((answer) => (answer.ok ? answer.json() : []))
    .then(done);
};
new TomSelect("#street", { maxItems: 1, load: failing });
new TomSelect("#tariff", { load: failing, preload: "focus" });
