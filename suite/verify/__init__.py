"""Did a submission honour the protocol? Nothing in it is executed, imported or unpickled to find out."""
