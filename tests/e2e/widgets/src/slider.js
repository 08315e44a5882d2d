// noUiSlider: one that works; one that its page switched off without showing it.
import noUiSlider from "nouislider";
import "nouislider/dist/nouislider.css";
import "./slider.css";

const amount = document.getElementById("amount");
noUiSlider.create(amount, {
  start: 5000,
  step: 500,
  range: { min: 1000, max: 20000 },
  handleAttributes: [{ "aria-label": "Amount" }],
});
amount.noUiSlider.on("update", ([value]) => {
  document.getElementById("amount-text").textContent = Math.round(value);
});

const period = document.getElementById("period");
noUiSlider.create(period, {
  start: 24,
  step: 6,
  range: { min: 6, max: 84 },
  handleAttributes: [{ "aria-label": "Period" }],
});
// The defect: never enabled again after the tariff was chosen.
period.noUiSlider.disable();
