// Pristine: a form that helps, one that refuses what is right, and one that empties itself.
import Pristine from "pristinejs";
import "./form.css";

const byId = (id) => document.getElementById(id);
const look = {
  classTo: "form-group",
  errorClass: "has-error",
  errorTextParent: "form-group",
  errorTextTag: "p",
  errorTextClass: "error-text",
};

const register = new Pristine(byId("register"), look);
byId("register").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!register.validate()) return;
  await fetch("/ok", { method: "POST" });
  byId("thanks").textContent = "Thank you, please check your mail.";
});

const address = new Pristine(byId("address"), look);
// The defect: the rule asks for six digits, postcodes here have five.
address.addValidator(byId("postcode"), (value) => /^\d{6}$/.test(value), "Not a valid postcode");
byId("address").addEventListener("submit", (event) => {
  event.preventDefault();
  address.validate();
});

byId("callback").addEventListener("submit", (event) => {
  event.preventDefault();
  // The defect: the number is thrown away because it has a blank in it.
  if (!/^\d+$/.test(byId("phone").value)) byId("phone").value = "";
});
