// Marks that the guide has all of its scripts.
document.documentElement.classList.add("guided");
