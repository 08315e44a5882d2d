// A list, a portal, a controlled field, a suspended part, keys that move and routes; the snippet
// comes by the npm package.
import { init } from "@stolper/browser";
import { caught } from "@stolper/browser/react";
import { Suspense, use, useState } from "react";
import { createPortal, flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { createBrowserRouter, RouterProvider, useLocation } from "react-router";

init(window.embed);

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
  const { pathname } = useLocation();
  window.acts = [
    () => flushSync(() => setItems([...items].reverse().concat("Donald"))),
    async () => {
      flushSync(() => setOpen(true));
      flushSync(() => setText("changed"));
      await router.navigate("/pages/react/second");
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
      <h2>{pathname}</h2>
      {items.length > 2 ? <b>many</b> : <i>few</i>}
      <Suspense fallback={<p>Waiting</p>}>
        <Late />
      </Suspense>
      {open && createPortal(<div className="box">In a portal: {text}</div>, document.body)}
    </>
  );
}

const router = createBrowserRouter([{ path: "*", element: <App /> }]);
createRoot(document.getElementById("app"), { onCaughtError: caught() }).render(
  <RouterProvider router={router} />,
);
