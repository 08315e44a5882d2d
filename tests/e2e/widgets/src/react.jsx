// React: a controlled stepper, a save with a spinner, a search; a button that is made anew, one that throws.
import { useState } from "react";
import { createRoot } from "react-dom/client";
import "./react.css";

const tools = ["Hammer", "Saw", "Drill", "Pliers", "Screwdriver", "Spirit level", "Sander"];

function Stepper() {
  const [count, setCount] = useState(1);
  return (
    <section>
      <button type="button" id="minus" onClick={() => setCount(Math.max(1, count - 1))}>
        −
      </button>
      <input id="count" value={count} readOnly />
      <button type="button" id="plus" onClick={() => setCount(count + 1)}>
        +
      </button>
    </section>
  );
}

function Save() {
  const [state, setState] = useState("idle");
  const save = () => {
    setState("busy");
    setTimeout(() => setState("done"), 1800);
  };
  return (
    <section>
      <button type="button" id="save" aria-busy={state === "busy"} onClick={save}>
        {state === "busy" ? "Saving …" : "Save"}
      </button>
      {state === "done" && <p role="status">Saved</p>}
    </section>
  );
}

function Search() {
  const [query, setQuery] = useState("");
  const found = tools.filter((tool) => tool.toLowerCase().includes(query.toLowerCase()));
  return (
    <section>
      <label htmlFor="search">Search</label>
      <input id="search" type="search" value={query} onChange={(e) => setQuery(e.target.value)} />
      <ul>
        {found.map((tool) => (
          <li key={tool}>{tool}</li>
        ))}
      </ul>
    </section>
  );
}

function Apply() {
  const [round, setRound] = useState(0);
  // The defect: a key that changes with every press, so that what the press set is thrown away.
  return <Form key={round} again={() => setRound(round + 1)} />;
}

function Form({ again }) {
  const [sent, setSent] = useState(false);
  const send = () => {
    setSent(true);
    again();
  };
  return (
    <section>
      <button type="button" id="apply" onClick={send}>
        Apply for the card
      </button>
      {sent && <p>Sent</p>}
    </section>
  );
}

function Basket({ basket }) {
  return (
    <section>
      <button type="button" id="order" onClick={() => basket.lines.map((line) => line.price)}>
        Order now
      </button>
    </section>
  );
}

createRoot(document.getElementById("root")).render(
  <>
    <Stepper />
    <Save />
    <Apply />
    <Basket />
    <Search />
  </>,
);
