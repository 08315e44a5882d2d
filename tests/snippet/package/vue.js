// A page of Vue and Vue Router that uses the package, and nothing else of Stolper's.
import { init, stolper } from "@stolper/browser";
import { errors } from "@stolper/browser/vue";
import { createApp } from "vue";
import { createRouter, createWebHistory } from "vue-router";

stolper("track", "opened", { from: "vue" });
window.flushed = Promise.resolve().then(() => stolper("flush"));
init({ key: window.KEY, base: window.location.origin });
init({ key: "another", base: "https://nowhere.invalid" });
window.calls = { init, stolper };

const Item = {
  template: `<h1>Item {{ $route.params.id }}</h1><button @click="fail">Break</button>`,
  methods: {
    fail() {
      throw new Error("broken on purpose");
    },
  },
};

const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: "/shop", component: { template: "<p>Welcome</p>" } },
    { path: "/shop/items/:id", component: Item },
    { path: "/shop/basket", component: { template: "<h1>Basket</h1>" } },
  ],
});

createApp({
  template: `<nav><RouterLink to="/shop/items/4711">Item</RouterLink>
    <RouterLink to="/shop/basket">Basket</RouterLink></nav><RouterView />`,
})
  .use(router)
  .use(errors)
  .mount("#app");
