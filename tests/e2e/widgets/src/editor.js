// Quill: bold and lists work, the button of our own throws.
import Quill from "quill";
import "quill/dist/quill.snow.css";

const editor = new Quill("#editor", { theme: "snow", modules: { toolbar: "#toolbar" } });
editor.setText("Dear customer, thank you for your patience.\n");

document.getElementById("signature").addEventListener("click", () => {
  // The defect: nobody ever loaded the signature.
  const { signature } = window.profile;
  editor.insertText(editor.getLength() - 1, signature);
});
