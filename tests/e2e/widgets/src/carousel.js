// Swiper; and a strip of the shop's own whose arrow does nothing.
import Swiper from "swiper";
import { Navigation, Pagination } from "swiper/modules";
import "swiper/css";
import "swiper/css/navigation";
import "swiper/css/pagination";
import "./carousel.css";

new Swiper("#offers", {
  modules: [Navigation, Pagination],
  speed: 180,
  navigation: { nextEl: ".swiper-button-next", prevEl: ".swiper-button-prev" },
  pagination: { el: ".swiper-pagination", clickable: true },
});

document.querySelector(".strip-next").addEventListener("click", (event) => {
  event.preventDefault();
  // The defect: the strip was renamed, so there is nothing to scroll.
  document.querySelector(".strip-inner")?.scrollBy(200, 0);
});
