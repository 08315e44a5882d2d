// A list with a transition group, v-if, v-model, a teleport and routes; the snippet comes by the npm
// package.
import { init } from "@stolper/browser";
import { errors } from "@stolper/browser/vue";
import { createApp, nextTick, reactive } from "vue";
import { createRouter, createWebHistory } from "vue-router";

init(window.embed);

const state = reactive({
  items: [1, 2, 3, 4, 5],
  open: false,
  text: "typed",
  html: "<em>raw</em>",
});

const route = { template: "<h2>{{ $route.path }}</h2>" };
const router = createRouter({
  history: createWebHistory(),
  routes: [{ path: "/:path(.*)*", component: route }],
});

createApp({
  setup: () => ({ state }),
  template: `
    <TransitionGroup tag="ul" name="flow" :css="false">
      <li v-for="n in state.items" :key="n" :class="{ even: n % 2 === 0 }">Number {{ n }}</li>
    </TransitionGroup>
    <input data-stolper="unmask" v-model="state.text"><p v-if="state.open">Open: {{ state.text }}</p><p v-else>Closed</p>
    <RouterView />
    <div v-show="!state.open" v-html="state.html"></div>
    <Teleport to="body"><div class="box" v-if="state.open">Teleported</div></Teleport>`,
})
  .use(router)
  .use(errors)
  .mount("#app");

window.acts = [
  () => {
    state.items.reverse();
    state.items.push(6);
    return nextTick();
  },
  () => {
    state.open = true;
    state.text = "changed";
    state.html = "<strong>other</strong> text";
    return nextTick();
  },
  () => {
    state.open = false;
    state.items = [9, 2, 8, 1];
    return router.push("/pages/vue/second");
  },
];
