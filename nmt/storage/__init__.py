"""What lasts on a disk: files and folders that are whole or not there, and are looked at before they are believed.

files        written beside, flushed, renamed
manifest     folders with the sizes and sums of their files
lock         one process in a folder at a time
partial      lines that a killed process leaves to be gone on with
reading      plain files, no link that leads out
json_source  JSON of bounded depth
tensors      files of weights, held against a model
"""
