// A list with a transition group, v-if, v-model and a teleport.
import { createApp, nextTick, reactive } from "vue";

const state = reactive({
  items: [1, 2, 3, 4, 5],
  open: false,
  text: "typed",
  html: "<em>raw</em>",
});

createApp({
  setup: () => ({ state }),
  template: `
    <TransitionGroup tag="ul" name="flow" :css="false">
      <li v-for="n in state.items" :key="n" :class="{ even: n % 2 === 0 }">Number {{ n }}</li>
    </TransitionGroup>
    <input data-stolper="unmask" v-model="state.text"><p v-if="state.open">Open: {{ state.text }}</p><p v-else>Closed</p>
    <div v-show="!state.open" v-html="state.html"></div>
    <Teleport to="body"><div class="box" v-if="state.open">Teleported</div></Teleport>`,
}).mount("#app");

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
    return nextTick();
  },
];
