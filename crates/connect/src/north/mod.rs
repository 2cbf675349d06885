//! Destinations: readers of the journal that hand samples and events to other systems.
