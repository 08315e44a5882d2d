// A page of React and React Router that uses the package, and nothing else of Stolper's.
import { init, stolper } from "@stolper/browser";
import { caught } from "@stolper/browser/react";
import { Component, useState } from "react";
import { createRoot } from "react-dom/client";
import { createBrowserRouter, Link, Outlet, RouterProvider, useParams } from "react-router";

stolper("track", "opened", { from: "react" });
window.flushed = Promise.resolve().then(() => stolper("flush"));
init({ key: window.KEY, base: window.location.origin });
init({ key: "another", base: "https://nowhere.invalid" });
window.calls = { init, stolper };

class Boundary extends Component {
  state = { failed: false };
  static getDerivedStateFromError() {
    return { failed: true };
  }
  render() {
    return this.state.failed ? <p>Sorry.</p> : this.props.children;
  }
}

function Breakable() {
  const [broken, setBroken] = useState(false);
  if (broken) throw new Error("broken on purpose");
  return (
    <button type="button" onClick={() => setBroken(true)}>
      Break
    </button>
  );
}

function Item() {
  return (
    <>
      <h1>Item {useParams().id}</h1>
      <Boundary>
        <Breakable />
      </Boundary>
    </>
  );
}

function Shop() {
  return (
    <>
      <nav>
        <Link to="/shop/items/4711">Item</Link> <Link to="/shop/basket">Basket</Link>
      </nav>
      <Outlet />
    </>
  );
}

const router = createBrowserRouter([
  {
    path: "/shop",
    element: <Shop />,
    children: [
      { path: "items/:id", element: <Item /> },
      { path: "basket", element: <h1>Basket</h1> },
    ],
  },
]);

createRoot(document.getElementById("app"), { onCaughtError: caught() }).render(
  <RouterProvider router={router} />,
);
