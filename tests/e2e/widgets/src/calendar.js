// flatpickr: a date field, and an inline calendar in which no day can be chosen this month.
import flatpickr from "flatpickr";
import "flatpickr/dist/flatpickr.css";

flatpickr("#arrival", { defaultDate: "2026-11-10", minDate: "2026-01-01" });

flatpickr("#visit", {
  inline: true,
  defaultDate: "2026-12-15",
  // The defect: every day of the month shown is refused, and nothing says why.
  disable: [() => true],
});
