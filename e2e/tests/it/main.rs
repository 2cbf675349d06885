//! Black box: the binary as its users meet it, against software that nobody here wrote.

mod bacnet;
mod changes;
mod command_line;
mod commands;
mod configuration;
mod crash;
mod delivery;
mod discover;
mod docs;
mod ethernet_ip;
mod exchange;
mod export;
mod first_hour;
mod guard;
mod harness;
mod history;
mod modbus;
mod monitor;
mod mqtt_in;
mod network;
mod opcua;
mod opcua_server;
mod s7;
mod services;
mod sql;
mod webhook;
