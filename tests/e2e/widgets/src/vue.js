// Vue: likes and a filter that work; a button whose handler throws into Vue's own error handling.
import { createApp } from "vue";
import "./vue.css";

createApp({
  data: () => ({ likes: 0, liked: false, only: "all", profile: null, todos: ["Bread", "Milk"] }),
  methods: {
    like() {
      this.liked = !this.liked;
      this.likes += this.liked ? 1 : -1;
    },
    rename() {
      this.profile.name = "New name";
    },
  },
  template: `
    <section>
      <button type="button" id="like" :aria-pressed="liked" @click="like">Like ({{ likes }})</button>
      <button type="button" id="rename" @click="rename">Rename the list</button>
    </section>
    <fieldset>
      <legend>Show</legend>
      <label v-for="kind in ['all', 'open', 'done']">
        <input type="radio" name="only" :id="kind" :value="kind" v-model="only" /> {{ kind }}
      </label>
      <p>Showing: {{ only }}</p>
    </fieldset>
    <ul><li v-for="todo in todos">{{ todo }}</li></ul>`,
}).mount("#root");
