"""Recordings of many people, devices and labels in; an encoder that reads any armband out."""
