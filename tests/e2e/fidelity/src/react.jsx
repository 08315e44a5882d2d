// A list, a portal, a controlled field, a suspended part and keys that move.
import { Suspense, use, useState } from "react";
import { createPortal, flushSync } from "react-dom";
import { createRoot } from "react-dom/client";

let release;
const data = new Promise((done) => {
  release = done;
});

function Late() {
  return <p className="late">{use(data)}</p>;
}

function App() {
  const [items, setItems] = useState(["Ada", "Grace", "Edsger", "Barbara"]);
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("typed");
  window.acts = [
    () => flushSync(() => setItems([...items].reverse().concat("Donald"))),
    () => {
      flushSync(() => setOpen(true));
      flushSync(() => setText("changed"));
    },
    async () => {
      release("Arrived late");
      await data;
      flushSync(() => {
        setOpen(false);
        setItems(items.filter((_, at) => at % 2));
      });
    },
  ];
  return (
    <>
      <ul>
        {items.map((name, at) => (
          <li key={name} style={{ paddingLeft: at * 8 }}>
            {name} {at}
          </li>
        ))}
      </ul>
      <input data-stolper="unmask" value={text} onChange={(e) => setText(e.target.value)} />
      {items.length > 2 ? <b>many</b> : <i>few</i>}
      <Suspense fallback={<p>Waiting</p>}>
        <Late />
      </Suspense>
      {open && createPortal(<div className="box">In a portal: {text}</div>, document.body)}
    </>
  );
}

createRoot(document.getElementById("app")).render(<App />);
