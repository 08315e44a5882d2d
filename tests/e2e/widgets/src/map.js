// Leaflet on tiles drawn here. The button that should show where the visitor is does nothing.
import L from "leaflet";
import "leaflet/dist/leaflet.css";
import "./map.css";

const map = L.map("map", { center: [52.5, 13.4], zoom: 8, maxZoom: 18, attributionControl: false });
const Tiles = L.GridLayer.extend({
  createTile({ x, y, z }) {
    const tile = document.createElement("canvas");
    tile.width = 256;
    tile.height = 256;
    const pen = tile.getContext("2d");
    pen.fillStyle = (x + y) % 2 ? "#dde8d4" : "#cfe0ee";
    pen.fillRect(0, 0, 256, 256);
    pen.fillStyle = "#555";
    pen.fillText(`${z}/${x}/${y}`, 10, 20);
    return tile;
  },
});
new Tiles().addTo(map);
const icon = L.divIcon({ className: "shop", iconSize: [28, 28] });
L.marker([52.6, 13.5], { icon }).addTo(map).bindPopup("Shop in Berlin, open until 8 pm");

const Locate = L.Control.extend({
  onAdd() {
    const button = L.DomUtil.create("button", "locate");
    button.type = "button";
    button.textContent = "Where am I?";
    // As Leaflet advises for controls; the defect: nothing else listens.
    L.DomEvent.disableClickPropagation(button);
    return button;
  },
});
new Locate({ position: "topright" }).addTo(map);
