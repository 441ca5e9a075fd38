"""Did the generator copy its training patients?"""
