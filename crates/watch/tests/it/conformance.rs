//! Agreement with independent analysers, on captures that are not part of the project.
